"""Parts of a finished mix without a trained model: what the shape of sound in time, pitch and space can tell apart."""
