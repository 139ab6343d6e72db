#!/bin/sh
# the built-in agnhost, for `agnhost connect` and the like in any pod
exec env PYTHONPATH=@sources@ @python@ -S -s -m kubelet.servers @shift@,@address@,@port@,@domain@ "$@"
