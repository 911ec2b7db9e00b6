"""The science and the data contracts of kws-foundry: no orchestrator, no cluster, no tracker."""
