"""From files and built-in worlds to batches: examples, readers, images, transforms, scenes."""
