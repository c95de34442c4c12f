"""What the assistants remember about each user, across conversations."""
