"""The post-checkout and post-merge hooks: a checkout may have put another file in the place of the log."""

from orglab.hooks.hook import Hook, print_message


def post_checkout(hook: Hook) -> int:
    """Notice a log that git has replaced."""
    hook.log.notice_file(print_message)
    return 0


post_merge = post_checkout
