"""ONNX: conversion with PyTorch's exporter, and sessions of ONNX Runtime."""
