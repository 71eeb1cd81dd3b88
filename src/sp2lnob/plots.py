"""Pictures of what was found, as Altair charts."""
