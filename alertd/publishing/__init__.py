"""alertd's own alerts for other programs: retained topics, Home Assistant, acknowledgement by MQTT."""
