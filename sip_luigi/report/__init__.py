"""The page that shows how good the results are."""
