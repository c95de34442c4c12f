"""Jobs that make or finish audio: a row is the truth, the queue is how work finds a worker, providers do the work."""
