"""Seconds as text."""


def clock(seconds: float) -> str:
    """m:ss, or h:mm:ss from one hour on; for people, on the page and in the shell."""
    whole = int(seconds + 1e-6)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def minutes_clock(seconds: float) -> str:
    """m:ss with the fraction dropped and minutes above 59 (75:05); for prompts, as MLLMs were trained on it."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
