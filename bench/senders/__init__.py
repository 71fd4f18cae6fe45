"""Ways of sending a clip: each runs in a process of its own, so that its CPU and memory are its own."""
