//! What may become of a request.
