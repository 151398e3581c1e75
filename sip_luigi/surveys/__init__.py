"""Files of other surveys and programs: catalogues to be read, sky models to be grouped into patches."""
