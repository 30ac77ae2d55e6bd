"""Maps: the whole collection in the plane, one query's neighbourhood, clusters, and what a lasso encloses."""
