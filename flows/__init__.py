"""The stories: each flow is one screen of stages in order."""
