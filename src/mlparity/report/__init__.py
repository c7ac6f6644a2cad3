"""A record to HTML, Markdown and Swift; sees nothing but records."""
