"""The kubelet at work: one worker per pod does what the state machines in ``pod`` decide."""
