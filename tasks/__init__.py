"""What is done to the data: one folder a stage, pure modules and one `task.py` of thin Prefect tasks."""
