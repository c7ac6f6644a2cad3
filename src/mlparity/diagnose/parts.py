"""The parts of an explanation that may be left out where its time is spent, as a report names them."""

SEARCH = "the search for the first op that differs"
IN_GRAPH = "the causes of a graph that differs"
CARRIERS = "the ops that carry the difference"
BESIDE = "a second cause beside the first"
LEFT = "what the first cause leaves"
OTHER_SAMPLES = "other samples than the one that differs most"
ALONG = "the error along the graph"
