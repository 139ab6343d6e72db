

def plan_page(page: str, port: int) -> ServerPlan:
    """Return the plan of a web server that answers every request with one page; ``port`` is bound as it is."""
    return _plan("page", [port], page=page, banner="kubesvc")
