"""The only code that touches file systems and object stores."""
