"""What runs for an image: pure.

``catalog``         the program or built-in server that stands for an image
``builtins``        a built-in server's plan, from a container's arguments; ``agnhost`` has those of the test image
``plan``            the process of a container: its program, with environment, arguments and ports
"""
