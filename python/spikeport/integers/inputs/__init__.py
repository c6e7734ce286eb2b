"""Real inputs as whole numbers.

- `step`: `InputStep`, what a whole number stands for
- `grids`: the step that data lie on
- `entry`: how a network's first layers read what has an offset
"""
