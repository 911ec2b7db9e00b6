"""`kws serve`: a model over HTTP and WebSocket, with a page to try it; one concept a file."""
