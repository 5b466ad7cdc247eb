"""What several Pitboss functions share: events, slot knowledge, rating rules and stores."""
