"""What the plugin host is made of: which plugins are used, what is wrong with one, who brings which kind."""
