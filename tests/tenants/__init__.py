"""What the walk through everybody else's doors needs: people with belongings, and calls made from the documents."""
