"""7. It reaches a phone: one module per messenger; `MESSENGERS` is the whole plugin mechanism."""
