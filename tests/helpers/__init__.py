"""What tests share: one folder for each package and each way to use the product, and what all of them use.

``objects`` builds Kubernetes objects in few words; a package's folder has what presets them, fakes, and servers or
clients that run there (``kubeproxy``, ``kubedns``, ``kubelet``, ``kubesvc``, ``kubeapi``, ``kubeapiserver``,
``kubecontroller``). ``cluster`` starts real clusters by the command line, ``kubectl`` runs the real kubectl in them,
``e2e`` repeats what Kubernetes' own end-to-end tests do. ``patience`` says how long a test waits for what must come,
``network_namespace`` gives each process of the tests a loopback of its own, ``loops`` and ``turns`` step event loops,
``systemcalls`` and ``load`` measure a running product, ``steps`` what the interpreter does.

Modules named ``..._process``, and ``kubeproxy.echo_endpoint``, are started as programs.
"""
