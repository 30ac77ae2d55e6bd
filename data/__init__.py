"""What Loupe ships besides code: the starter encoder's heads and the demo collection."""
