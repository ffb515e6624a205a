"""The keys of a browser by their codes in WebDriver: tests are collected where selenium is not installed, too."""

TAB, ENTER, CONTROL, ESCAPE = "\ue004", "\ue007", "\ue009", "\ue00c"
