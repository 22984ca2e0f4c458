"""Cases for golden/vectors, worked by hand or by another engine, never by mobilecat itself."""
