"""5. Alerts become words: templates, languages. Pure."""
