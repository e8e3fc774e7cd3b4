"""4. Whom it concerns: subscribers, consent, routing. Pure."""
