"""camcast pushes many cameras' live video to many servers and keeps it there."""
