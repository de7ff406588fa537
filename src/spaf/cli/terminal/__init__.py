"""What every command prints with: tables, progress, the live dashboard of a terminal."""
