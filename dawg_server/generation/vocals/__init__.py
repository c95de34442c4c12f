"""From a hummed melody to a song: the melody is written down, words are made for it, and a singer is asked."""
