"""What play says of players: how they play, and how near that is to play that harms."""
