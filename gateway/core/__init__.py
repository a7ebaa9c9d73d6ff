"""The rules, pure: functions over values, bytes and an instant. No clock, randomness, file, socket or log in here."""
