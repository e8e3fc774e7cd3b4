"""The parts' settings assembled; YAML with positions; secrets; schema."""
