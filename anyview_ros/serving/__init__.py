"""The same contract over HTTP: replicas that hold a method, alone or on Ray Serve, and a Synthesizer that asks them.

A body is one message: a JSON header and the pictures behind it, compressed. Nothing is ever unpickled.
"""
