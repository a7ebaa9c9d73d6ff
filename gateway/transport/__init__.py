"""
How this gateway reaches others: the partners' doors over HTTPS, and the directory their cards come from.
"""
