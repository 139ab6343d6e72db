"""What follows objects on an event loop: ``Informer``, and the ListerWatcher of a Store in this process."""
