"""Pages of the browser workbench. Files that start with an underscore are parts of pages, not pages."""
