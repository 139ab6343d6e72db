"""From the text of an expression to its tree, ``nodes`` (cel-go ``parser``): ``parser.parse`` is the way in. Pure."""
