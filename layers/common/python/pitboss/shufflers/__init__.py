"""What card shufflers tell, what it comes to, and when they will fail: no AWS, no clock."""
