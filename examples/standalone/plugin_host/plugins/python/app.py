from wit_world import exports

# componentize-py looks for the resources of an interface in the module with its name.
import filters  # noqa: F401


class Filters(exports.Filters):
    def language(self) -> str:
        return "Python"
