"""`python -m mlparity` is the `mlparity` command."""

from mlparity.cli.main import main

if __name__ == "__main__":
    main()
