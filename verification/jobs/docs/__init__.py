"""Writers of tables and pictures in docs/."""
