"""What Flink's JSON decoder does: its tokens, its rows, and text as Java has it."""
