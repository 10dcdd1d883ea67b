def study():
    yield ""
