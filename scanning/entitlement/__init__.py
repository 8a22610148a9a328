"""Who can submit fine-tune jobs, and by which path: evaluators from account documents to answers. Pure."""
